"""Compares the tokenizer with the Java tool on random lines.

cargo build --release --example ptb_raw
python3 tools/metrics/fuzz_ptb.py JAR SEED LINES words|chars|small|mix

JAR is stanford-corenlp-3.4.1.jar, which `pip install pycocoevalcap==1.2` brings.
"""
import random,subprocess,sys,os
import tempfile
JAR, seed, n, mode = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
BIN = 'target/release/examples/ptb_raw'
r=random.Random(seed)
words="a man The the A I U.S. U.K It it is dog dogs cat's don't won't cannot gonna Cannot 'tis 'Twas wanna Lemme n't 's 're 'll s' isn't ain't c++ C# F# f# Mr. Mrs Mr mr. Dr. St. vs vs. etc. etc Inc. inc. Corp. Co. co. ltd. Ltd limited pty. pte. Jan. jan Feb. sept. Mon. tue. calif. Az. az. Ark. ark Del. del. ill. Ill. ind. Ind. kan. kans. la. La. mass. Mass. miss. Miss. ore. Ore. Pa. pa. tex. Tex. Va. va. wash. Wash. wis. wisc. wyo. pp. ppty. pts. cos. plc. rt. bancorp. bhd. assn. univ. intl. sys. tel. est. ext. sq. jr. Sr. bros. ed.d. ph.d. Ph.D. blvd. rd. esq. al. seq. bldg. ca. fig. figs. prop. no. nos. art. op. ms. drs. prof. profs. sens. rep. attys. lt. col. gen. messrs. govs. adm. rev. maj. sgt. cpl. pvt. capt. ste. ave. pres. lieut. hon. brig. cmdr. comdr. pfc. spc. supts. det. mt. ft. adj. adv. asst. assoc. ens. insp. mlle. mme. msgr. sfc. alex. wm. jos. cie. a.k.a. cf. treas. ph. invt. elec. natl. mtg. mfg. dept. non-U.S. Canada-U.S. Sino-U.S. EU-U.S. U.S.-U.K. U.S.-U.S.S.R. U.S.-U.K A.B.C x.y file.jpg a.tar.gz readme.txt foo.c x.H a.mp3 1.zip http://a.b https://www.x.com/a?b=c. www.foo.com www.a.b foo.com bar.org/ab x.net y.edu/a,b a@b.c <a@b.com> &lt;x@y.z&gt; @name @_x #tag #é ## @@ # @ 12/25/2014 1/2 3-4-99 1-2 +5 -5 1,000.5 .5 10:30 5% $5 US$ A$ 5$ 3⁄4 1½ ½ ⅓ ² x² ⁻³ ₂ ⁺¹ ₋₂ -LRB- -rrb- -RSB- C.D.s c.d.s pro- anti- Pro- S&P-500 S&Ls s&ls Cap'n cap'n c'est C'est and/or a/b/c a-b/c-d w/o 1\\/2 a\\/b AT&T R+B A&amp;B A+B+C a&b &amp; &lt; &gt; &quot; &apos; &nbsp; &mdash; &ndash; &MD; &HT; &TL; &odq; &cdq; &#39; &eacute; caf&eacute; &Aacute; &auml; &Egrave; &iuml;x About According Additionally After An As At But Earlier He Her Here However If In Last Many More Mr. Ms. Now Once One Other Our She Since So Some Such That Their Then There These They This We When While What Yet You ABOUT THE tHe <b> </b> <br/> <br /> <a href='x y'> <a href=\"x\" b> <!-- c --> <?xml?> </p > <a b = 'c'> <1> << >> < > 555-1234 (555) (555)123-4567 555.123.4567 12.345.6789 +1-555-1234 ++44 123 4567 555 1234 12345 20-30 c.c ^_^ -_- >_< (^.^) (^_^) (--) (x-x) ~_~ =_= '_' o_O :) :-) ;( :D :p =P <:) >:-( :o) :*) :'( :] :[ :{ :@ :| :\\ :O 8) ... .. .... . . . ! ? !? , ; : - -- --- ---- ----- _ __ * ** \\* \\*\\* = / \\ | ~ ^ % + [ ] { } ( ) ' '' ` `` \" ' “ ” ‘ ’ ‛ ‚ „ « » ‹ › ’s it’s n’t don`t don’t ‘tis ’tis ’Twas 'em ’em 'n' 'n ’n’ l'a L’ d' j' Dunkin' somethin' ol' Ol’ 'til 'till 'cause ’cause '90s '50s '90 ’80 '9 O'Brien o'clock O'o O`o y'all y' qu'il cont'd cont'd. nor'easter c'mon e'er s'mores ev'ry li'l nat'l rock'n'roll five-o'clock d'Artagnan-x D'5 l'a-b x-ray T-shirt twenty-one state-of-the-art a.b-c 1,2-x U.S.-x x-U.S. x-A.B. a_b a_b_c é naïve-é soft\xadhyphen \xad a\xad 1\xad2 x\xad-y 1٬000 1٫5 中文 。 、 ， 한국어 ー 😀 𝒜 … \x85 \u2028 \x0b \u200b \u200d \ufeff \u2010 a‐b \u2011 \u058a — – ― \x96 \x97 \x91 \x92 \x93 \x94 \x80 € £ ¢ ¥ ¤ ₠ ſ 'ſ it'ſ 'tiſ tiſ' '90ſ K K Ⅳ Ⓐ ⓐ ẞ ß İ ı Σ ΑΣ ΑΣ. ǅ º ª ' 6' 5'11\" 10x10' 3D 2x4 10am 5pm 1st 90's 90s X. B. a. I. z. é. É. A.É É.A. 1. 1.a a.1 a.b. u.s. U.S.A. ,5 :5 a:5 ;5 a,b a;b a?b a!b? a.B".split(' ')
words=[w.replace('\\"','"') for w in words]
seps=[' ']*12+['','','','\n',' \n',',',', ','. ',"'",'"','-','.','\xa0','\t','  ','/','\u3000','; ','! ','? ','\r','\r\n',')','(']
chars=list("abcdefnstxyzABCDIMNOSTUXZ0123456789      ....,,''\"`-_/&;:!?()[]{}<>@#$%*=+\\|~^\n")+list("éÉſ½²⁻₂€£¢’‘“”«»‹›„‚…—\xa0\xad\u200b\u2010\u0301٣中、。Ⅳ😀\u3000\x85\u2044")
small=list("aAnst.' -1&;\n")
def line():
    if mode=='words':
        return ''.join(r.choice(words)+r.choice(seps) for _ in range(r.randint(1,7)))
    if mode=='chars':
        return ''.join(r.choice(chars) for _ in range(r.randint(1,25)))
    if mode=='small':
        s=r.sample(chars,6)
        return ''.join(r.choice(s) for _ in range(r.randint(1,25)))
    if mode=='mix':
        out=[]
        for _ in range(r.randint(1,5)):
            w=r.choice(words)
            if r.random()<.5 and w:
                i=r.randrange(len(w)+1); k=r.random()
                if k<.4: w=w[:i]+r.choice(chars)+w[i:]
                elif k<.7: w=w[:i]+w[i+1:]
                elif k<.85: w=w.swapcase()
                else: w=w.upper()
            out.append(w+r.choice(seps))
        return ''.join(out)
docs=[line().replace('\n\n','\n') for _ in range(n)]
f=os.path.join(tempfile.mkdtemp(), 'lines.txt')
# every line is followed by a neutral fence so that errors stay local, but not always
txt='\n'.join((d+(' fence' if r.random()<.5 else '')) for d in docs)
open(f,'w',newline='').write(txt)
a=subprocess.run(['java','-cp',JAR,'edu.stanford.nlp.process.PTBTokenizer','-preserveLines','-lowerCase',f],capture_output=True).stdout.decode('utf-8')
b=subprocess.run([BIN,f],capture_output=True).stdout.decode('utf-8')
A=a.split('\n');B=b.split('\n')
# Java lines
import re
src=re.split('\r\n|[\n\r\u2028\u2029\x0b\x0c]',txt)
bad=0
if A[-1]=='' : A=A[:-1]
if B[-1]=='' : B=B[:-1]
while len(B)>len(A) and B[-1]=='': B=B[:-1]
if len(A)!=len(B): print('line counts',len(A),len(B))
for i,(x,y) in enumerate(zip(A,B)):
    if x!=y:
        bad+=1
        if bad<=int(os.environ.get('MAX','12')): print(repr(src[i:i+2] if i<len(src) else None),'\n  java',repr(x),'\n  ours',repr(y))
print(mode,seed,'lines',len(A),'bad',bad)
